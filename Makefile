# Everything a person or CI does here. `make build` first installs what is missing (scripts/install says what that is).
#
#   make build            build/bin/{swiftiply,swiftiply-rack,swiftiply-wsgi,swiftiply-node}, from packed artifacts
#   make demo             proxy and four apps, running until Ctrl-C   (ARGS=--once: ends by itself)
#   make test             every test of every language; ends with "N passed, N failed"
#   make bench            ours and its peers side by side   (40 minutes; ARGS=quick: 3; ARGS="rack wsgi": only those)
#   make fuzz             every fuzz target for a minute   (ARGS="request_head 600": that one for ten)
#   make lint             formatters and linters, changing nothing
#   make clean            removes what was built

.PHONY: build demo test bench fuzz lint clean

build:
	@scripts/build

demo: build
	@scripts/demo $(ARGS)

test:
	@scripts/test $(ARGS)

bench: build
	@python3 tests/bench $(ARGS)

fuzz:
	@scripts/fuzz $(ARGS)

lint:
	@scripts/lint

clean:
	rm -rf build target
