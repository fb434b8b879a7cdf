"""`python -m gpumix` is the command line."""

from gpumix.cli import main

if __name__ == "__main__":
    main()
