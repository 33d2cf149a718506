from stages.entry import main
from stages.evaluate.answers.stage import run

if __name__ == "__main__":
    main(run)
