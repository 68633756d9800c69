"""The entry point."""


def main() -> None:
    print("jangteo")
