from stages.entry import main
from stages.samples.sports.stage import run

if __name__ == "__main__":
    main(run)
