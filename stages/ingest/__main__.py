from stages.entry import main
from stages.ingest.stage import run

main(run)
