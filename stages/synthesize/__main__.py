from stages.entry import main
from stages.synthesize.stage import run

if __name__ == "__main__":
    main(run)
