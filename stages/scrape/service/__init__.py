"""A search service on this machine: SerpApi's answers about drawn creatures, their pictures, and planted faults."""

from stages.scrape.service.catalogue import HOSTS, Entry, build, queries_of
from stages.scrape.service.conduct import Conduct
from stages.scrape.service.process import Running, running

__all__ = ["HOSTS", "Conduct", "Entry", "Running", "build", "queries_of", "running"]
