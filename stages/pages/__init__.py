"""What pages on this machine share: loopback alone, a guard in front, Gradio without what a page doesn't use."""
