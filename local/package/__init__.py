"""Builds what is deployed: the app with the packages it needs, light and the same every time. Start at build.py."""
