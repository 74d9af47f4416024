"""The service: a front process that speaks HTTP, and a worker process that runs the model.

The front (`python -m lepton_nb.serve`) checks, queues and batches requests and supervises the worker. It
loads neither numpy nor torch: bodies go to the worker as they came, so that a damaged picture or a hung model
can only ever take down the worker, which is replaced.
"""
