"""Who used a picture, a site, a licence, an author: every adapter of this tree and of git's history."""
