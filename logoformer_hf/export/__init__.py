"""
Models for other runtimes: `logoformer export` writes them, `--runtime` of `predict` and `evaluate` runs them.

graphs.py has what is exported, writers.py the files of each format, quantise.py int8 by the runtimes' own tools,
folder.py what lies in the folder of an export, runtimes.py loads and runs it, agreement.py compares it with the model,
command.py is the command.
"""
