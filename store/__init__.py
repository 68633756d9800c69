"""Remembers. Synchronous SQLite; knows neither keys nor the network."""
