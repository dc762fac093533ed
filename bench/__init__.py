"""Side-by-side benchmarks: pgscore beside what people do today, as ratios measured in one run."""
