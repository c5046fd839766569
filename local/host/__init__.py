"""A development host for Azure Functions Python v2 apps: `func start` for HTTP, queue and timer triggers."""
