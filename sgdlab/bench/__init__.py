"""Benchmarks that users run: matrix products, training steps, engines, growth with rows and runs.

Every one measures the production path. Contenders take turns, so that a noisy moment hits all of them;
medians and quartiles are kept, warm-up is off the clock, and the conditions go into the CSV.
"""
