"""The terminal: streams, bars, colours, Ctrl-C."""
