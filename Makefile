# What `sam build` calls for each function, in the work tree (samconfig.toml: build_in_source), as
# `make build-<logical id> ARTIFACTS_DIR=…`. People use the justfile.
#
# One cargo build makes every function's binary; the second and later calls find it done.

# x86_64 or arm64, as the template's parameter Architecture.
ARCHITECTURE ?= x86_64
# Amazon Linux 2023 has glibc 2.34: a binary linked to a newer one does not start.
GLIBC := 2.34
TARGET := $(if $(filter arm64,$(ARCHITECTURE)),aarch64,x86_64)-unknown-linux-gnu.$(GLIBC)

FUNCTIONS := $(notdir $(patsubst %/,%,$(wildcard functions/*/)))

# cargo-lambda and zig, by `.ci/install deploy`.
export PATH := $(CURDIR)/.dev/venv/bin:$(PATH)

.PHONY: release
release:
	cargo lambda build --release --locked --target $(TARGET) $(FUNCTIONS:%=--package hub-%)

# deliver is one binary, deployed once per CRM: DeliversalesforceFunction and so on.
build-Deliver%Function: release
	cp target/lambda/deliver/bootstrap "$(ARTIFACTS_DIR)/bootstrap"

# IngestFunction is the binary `ingest`.
build-%Function: release
	cp "target/lambda/$$(echo '$*' | tr '[:upper:]' '[:lower:]')/bootstrap" "$(ARTIFACTS_DIR)/bootstrap"
