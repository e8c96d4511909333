"""`python -m lstmcast`."""

from lstmcast.cli import main

if __name__ == "__main__":
    main()
