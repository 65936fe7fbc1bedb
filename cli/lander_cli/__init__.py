"""The `lander` command: signatures, progress bars and tables around the other three packages."""
