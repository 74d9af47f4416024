"""Training in a process of its own, which outlives the kernel and the browser.

`cargo` says what travels there and carries it, `blame` names what cannot travel, `launch` starts the process,
and `__main__` is that process: it waits for its turn on the device, unpacks, and trains.
"""
