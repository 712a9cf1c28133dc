"""The live graph: messages, sockets, nodes, clocks, devices and the command line."""
