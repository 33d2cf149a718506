"""What recipes on interleaved pictures and text share: parameters, prompts, tasks, contexts, and IDEFICS's inputs."""
