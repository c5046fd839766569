"""Tools for the developer's own machine: development host, simulated tenant, Azurite; never deployed."""
