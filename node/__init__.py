"""The only place where time passes and bytes travel."""
