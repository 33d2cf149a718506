from stages.entry import main
from stages.report.naming.stage import run

if __name__ == "__main__":
    main(run)
