# make demo   a PostgreSQL that goes on writing as a baseline, databases of it for three pull requests, and copies of them
#             in an object store: Ceph where `.ci/install ceph` has been, else one in memory
# make test   everything a change must pass
# make quick  those of its tests that need no PostgreSQL, no mount and no long simulation
# make soak   hours of what it makes minutes of: simulations, fuzzers, thousands of ends
# make bench  what divergence costs, against peers: a table, charts, and JSON with every sample
# The other targets: lint, fuzz, simulate SEED=N. All install what they need (Debian 12).

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

# Some twenty minutes, as root; SCALE=large takes eight times the data, PARTS names some of: stored create query
# read diverged transfer. BENCH names other benchmarks, or `all`: refresh, and those of the engine, empty fork
# lifecycle server read seal write collect cluster mount large; pools, copies in an object store, by itself.
BENCH ?= divergence
SCALE ?= small
BENCH_SEED ?= 42
BENCH_OUTPUT ?= .build/bench
ENGINE_BENCH = $(filter-out divergence refresh pools all,$(BENCH))

bench:
	@.ci/install build postgresql peers
	@swift build --quiet -c release --product coppice
	@case " $(BENCH) " in *" divergence "* | *" all "*) /usr/bin/python3 -B Benchmarks/divergence \
		--scale $(SCALE) --seed $(BENCH_SEED) --output $(BENCH_OUTPUT) $(PARTS) ;; esac
	@case " $(BENCH) " in *" all "* | *" $(firstword $(ENGINE_BENCH) none) "*) swift run --quiet -c release \
		--package-path Benchmarks CoppiceBenchmarks $(ENGINE_BENCH) ;; esac
	@case " $(BENCH) " in *" refresh "* | *" all "*) Benchmarks/refresh .build/release/coppice ;; esac
	@case " $(BENCH) " in *" pools "*) .ci/install ceph && Benchmarks/pools .build/release/coppice ;; esac

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
