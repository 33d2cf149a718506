"""FROMAGe's own room: the model, its losses, its files, its frozen parts."""

RET = "[RET]"  # the token by which the language model asks for a picture, and which embeds a text
IMAGE = -200  # stands in token ids for one visual token: negative, so that no tokenizer can produce it
