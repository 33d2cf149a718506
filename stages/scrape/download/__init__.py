"""Fetch pictures from hosts that nobody vouches for: politely, within limits, each URL once."""

from stages.scrape.download.crawl import fetch_all
from stages.scrape.download.journal import Journal, Outcome
from stages.scrape.download.network import Network, local_network, public_network

__all__ = ["Journal", "Network", "Outcome", "fetch_all", "local_network", "public_network"]
