"""Imported once by the server that the processes of `resuming` are forked from: no training runs in it."""

import bitsandbytes  # noqa: F401
import peft  # noqa: F401
import torch
import transformers

import stages.train.loop  # noqa: F401

torch.set_num_threads(1)
assert transformers.Trainer
