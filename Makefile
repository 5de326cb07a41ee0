# Identity Manager. `make run` is all that is needed to try it; `make help` lists the rest.

HTTP_PORT ?= 8000
export HTTP_PORT
# Where it is set, each process of the tests would compile them all again.
unexport PYTHONDONTWRITEBYTECODE
PYTHON := .venv/bin/python
# The first Python that is new enough, else python3, which requirements/install.py then refuses by name.
PYTHON3 ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; exit; }; \
	done; echo python3)
TEST_PROGRAMS := caddy chromium chromium-headless-shell libnss3-tools gnutls-bin openssl gettext fonts-noto-core fonts-noto-cjk \
	gpgsm dirmngr curl nodejs openjdk-25-jre-headless postfix notmuch \
	golang-cfssl libest-utils softhsm2 nginx-light systemd locales \
	slapd ldap-utils xmlsec1 rsyslog rsyslog-openssl \
	samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules ldb-tools winbind \
	python3-samba python3-markdown python3-dnspython
# Most of the packages: what is built or started as a whole, nightly alone.
NIGHTLY_PROGRAMS := redis-server rabbitmq-server postgresql iproute2 npm thunderbird \
	golang-go golang-github-smallstep-certificates-dev \
	krb5-kdc krb5-admin-server faketime gcc libc6-dev python3-dev libkrb5-dev
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends
CODE := identity_manager selfservice ca_bridge deploy/release.py manage.py
PYTEST := $(PYTHON) -m pytest
# Two processes: the machines that this must be quick on have two cores.
PARALLEL := -n 2 --dist loadgroup
POSTGRES := $(PYTHON) -m tests.tools.postgres_server
ON_POSTGRESQL := database and not nightly and not nightly_on_postgresql
# What reads or writes audit events and mails: run once more on tables divided by month (decision 58).
BY_MONTH := $(addprefix tests/identity_manager/,audit mail events api/v1/test_form.py console/audit console/history console/outbox \
	console/reports console/people/test_erasures.py workflow/delivery jobs/test_retention.py management/test_backup.py) \
	$(addprefix tests/journeys/,test_audit_log.py test_bounces.py test_did_not_arrive.py test_erasure.py test_lost_by_restore.py)

.DEFAULT_GOAL := help
.PHONY: help setup run demo reset test interop test-programs nightly-programs test-all bench bench-compare release chaos nightly mutants screenshots lint lock install-prod install-dev secrets messages \
	lint-style lint-types lint-layers lint-templates lint-migrations lint-deployment lint-docs docs docs-reference

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 16

install-prod:
	@command -v $(PYTHON3) >/dev/null || { echo "Python 3.11 or newer is needed; there is no python3 here."; exit 1; }
	@$(PYTHON3) requirements/install.py prod

install-dev:
	@command -v $(PYTHON3) >/dev/null || { echo "Python 3.11 or newer is needed; there is no python3 here."; exit 1; }
	@$(PYTHON3) requirements/install.py dev

secrets: install-prod
	@$(PYTHON) -m identity_manager.config.secret_files

setup: secrets ## Packages, secrets, database, CA, demo organisation
	@$(PYTHON) manage.py prepare

run: secrets ## Everything in one foreground command; HTTP_PORT=8080 for another port
	@exec $(PYTHON) manage.py run

demo: secrets ## The seven steps as a program, against a running system or one of its own
	@exec $(PYTHON) manage.py demo $(ARGS)

reset: secrets ## Forget the demo
	@$(PYTHON) manage.py reset_demo

test: install-dev ## The tests on SQLite, most of what races and searches on PostgreSQL too
	@$(PYTEST) $(PARALLEL) -m "not long and not nightly and not nightly_on_sqlite"
	@$(POSTGRES) $(PYTEST) $(PARALLEL) -m "$(ON_POSTGRESQL) and not long and not long_on_postgresql"

# PLAIN_QUERIES here and in nightly: so that tests walk the product without prepared queries, too (decision 26).
test-all: install-dev ## The long forms, which `make test` leaves out, on either database
	@PLAIN_QUERIES=1 $(PYTEST) $(PARALLEL) -m "long and not nightly and not nightly_on_sqlite"
	@PLAIN_QUERIES=1 $(POSTGRES) $(PYTEST) $(PARALLEL) -m "$(ON_POSTGRESQL) and (long or long_on_postgresql)"

interop: install-dev ## Try delivered tokens in every program here (after nightly-programs), and write docs/reference/interoperability.md
	@WRITE_INTEROPERABILITY=1 $(PYTEST) tests/interop

bench: install-dev ## How quick it is, against its goals; SCALE=full for a million rows, ARGS="--only road" for a part
	@$(PYTHON) -W ignore -m tests.performance.bench $(ARGS)

bench-compare: install-dev ## An older commit and this one side by side: BASE=<commit>, ARGS="--only road --engines sqlite"
	@$(PYTHON) -W ignore -m tests.performance.compare $(BASE) $(ARGS)

chaos: install-dev ## The road while all around it is killed; N=10000, SEED=1, ENGINE=sqlite
	@$(PYTEST) tests/chaos -m nightly
	@$(PYTHON) -m tests.chaos --number $(or $(N),200) $(if $(ENGINE),--engine $(ENGINE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

nightly: install-dev ## What need not run before each change: the longest forms of tests, tests of chaos and bench, 1,000 requests of chaos
	@$(PYTEST) $(PARALLEL) -m "nightly or nightly_on_sqlite"
	@PLAIN_QUERIES=1 $(POSTGRES) $(PYTEST) $(PARALLEL) -m "database and (nightly or nightly_on_postgresql)"
	@DIVIDED=1 $(POSTGRES) $(PYTEST) $(PARALLEL) -m "not nightly" $(BY_MONTH)
	@$(PYTHON) -m tests.chaos --number $(or $(N),1000)

mutants: install-dev ## Small faults in the code that no test notices; N=300, SEED=1, ARGS="--only step4_accept.py"
	@nice $(PYTHON) -m tests.mutants --number $(or $(N),300) --seed $(or $(SEED),1) $(ARGS)

test-programs: ## Install the programs that tests need (Debian, as root)
	apt-get update
	$(APT_INSTALL) $(TEST_PROGRAMS)

nightly-programs: test-programs ## Install what nightly tests need beside them
	$(APT_INSTALL) $(NIGHTLY_PROGRAMS)

lint: lint-style lint-types lint-layers lint-templates lint-migrations lint-deployment lint-docs ## All checks of the source

lint-style: install-dev
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

lint-types: install-dev
	@$(PYTHON) -m mypy $(CODE)

lint-layers: install-dev
	@.venv/bin/lint-imports

lint-templates: install-dev
	@$(PYTHON) -m djlint --check --lint templates

lint-migrations: install-dev
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemigrations --check --dry-run

lint-deployment: install-dev
	@$(PYTHON) -m tests.check_deploy

lint-docs: install-dev
	@$(PYTHON) -m tests.check_docs

docs: install-dev ## The documents as a site, in var/docs
	@$(PYTHON) -m tests.check_docs var/docs

docs-reference: install-dev ## Write the generated pages of docs/reference anew
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py write_reference

messages: install-dev ## The catalogues anew, after a string was added or changed (needs gettext)
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py makemessages

screenshots: install-dev ## Pictures of every page; ARGS="--only search --width 390", ARGS=--help
	@$(PYTHON) -m tests.browser.screenshots $(ARGS)

release: install-prod ## The files of a release of this commit, in var/release; KEY=<SSH key> signs their checksums
	@$(PYTHON) deploy/release.py $(if $(KEY),--signing-key $(KEY))

lock: ## Make the locks anew (maintainers; needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --upgrade pyproject.toml -o requirements/prod.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --constraints requirements/prod.lock pyproject.toml \
		--extra hsm --extra otel --extra sentry -o requirements/full.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --constraints requirements/full.lock pyproject.toml \
		--extra hsm --extra otel --extra sentry --group test --group lint -o requirements/dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --constraints requirements/dev.lock --group release -o requirements/release.lock
