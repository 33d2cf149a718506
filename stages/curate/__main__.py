from stages.curate.stage import run
from stages.entry import main

if __name__ == "__main__":
    main(run)
