"""`python -m pointillist` is the command `pointillist`."""

from pointillist.cli import main

if __name__ == "__main__":
    main()
