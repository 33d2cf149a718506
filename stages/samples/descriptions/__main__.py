from stages.entry import main
from stages.samples.descriptions.stage import run

if __name__ == "__main__":
    main(run)
