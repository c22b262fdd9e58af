# make demo   a PostgreSQL that goes on writing as a baseline, databases of it for three pull requests, and copies of them
#             in an object store: Ceph where `.ci/install ceph` has been, else one in memory
# make test   everything a change must pass
# make quick  those of its tests that need no PostgreSQL, no mount and no long simulation
# make soak   hours of what it makes minutes of: simulations, fuzzers, thousands of ends
# The other targets: bench, lint, fuzz, simulate SEED=N. All install what they need (Debian 12).

.PHONY: demo test quick soak bench lint fuzz simulate

demo:
	@.ci/install build postgresql
	@Tests/Demo/demo

test: lint
	@.ci/install build postgresql tools ceph versions
	@.ci/test

quick:
	@.ci/install build
	@.ci/quick

lint:
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests

# BENCH names some of: empty fork lifecycle server read seal write collect cluster mount large refresh; all of them otherwise.
bench:
	@.ci/install build postgresql peers
	@swift build --quiet -c release --product coppice
	@[ "$(BENCH)" = refresh ] || swift run --quiet -c release --package-path Benchmarks \
		CoppiceBenchmarks $(filter-out refresh,$(BENCH))
	@case " $(BENCH) " in "  " | *" refresh "*) Benchmarks/refresh .build/release/coppice ;; esac

# Long runs of every decoder's fuzzer; `make test` makes short ones.
fuzz:
	@.ci/install build
	@.ci/fuzz

# Replays the simulation that a failed test printed the seed of; SEEDS=N takes as many from there on,
# STEPS=N makes them longer.
simulate:
	@.ci/install build
	@SEED=$(SEED) .ci/test --filter RandomSimulationTests

# Prints its seeds, which are the same each time; SEED=N begins with others, SEEDS=N takes as many.
soak:
	@.ci/install build postgresql tools ceph versions
	@.ci/soak
