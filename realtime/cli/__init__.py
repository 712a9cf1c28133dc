"""The command line: one module per subcommand; heavy imports wait until one runs."""
