"""Standing in for the service without a line of the application changed: names, proxy, environment."""
