"""``python -m zoo``: the command ``zoo`` where its script is not on the path."""

from zoo.cli import main

if __name__ == "__main__":
    main()
