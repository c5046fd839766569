"""Microsoft Graph behind our ports. Start at client.py; the first request imports msgraph."""
