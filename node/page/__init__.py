"""The local page: the market as a browser shows it, served by the node on loopback.

Asks the desk and the running node as the command line does. Knows no store and no network.
"""
