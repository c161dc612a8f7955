"""Measurements: the product beside nested OpenSSH and beside the seed stack, in one run, as ratios.

    load/     what makes the traffic: a service at the server's end, a client at the other
    stacks/   the systems under test, each as real processes
    wan/      three namespaces with emulated links between them
    rows/     one measurement per file
    results/  what came out, with machine and commit

``python -m bench --help`` tells the rest; docs/topics/performance.md tells what the rows mean.
"""
