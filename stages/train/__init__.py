"""QLoRA through bitsandbytes, peft and transformers.Trainer: answer-only loss, planned rows."""
