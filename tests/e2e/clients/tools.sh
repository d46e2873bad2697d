#!/bin/sh
# Command-line clients, one function each: sh tools.sh NAME ARGUMENT…; works in $HOME, an empty folder.
set -eu
cd "$HOME"

say() { printf '{"client": "%s", "calls": %s}\n' "$1" "$2"; }
expect() { [ "$1" = "$2" ] || { echo "got '$1', wanted '$2'" >&2; exit 1; }; }

curl_get() {  # base URL
  curl -sS --fail --max-time 20 -o answer "$1/hello?from=curl"
  grep -q '"path": "/hello?from=curl"' answer
  curl -sS --fail --max-time 20 -o answer --data-binary 'some text' "$1/echo"
  grep -q '"body": "some text"' answer
  say curl 2
}

git_clone() {  # URL of a repository, what its README says
  git clone -q "$1" project
  expect "$(cat project/README)" "$2"
  expect "$(find project -name 'file-*.txt' | wc -l)" 100
  say "git clone" 3
}

pip_install() {  # index URL, package, module, what it says
  /usr/bin/python3 -m pip install -q --no-input --disable-pip-version-check --no-cache-dir --no-deps \
    --index-url "$1" --target lib "$2"
  expect "$(PYTHONPATH=lib /usr/bin/python3 -c "import $3; print($3.SAYS)")" "$4"
  say "pip install" 2
}

npm_install() {  # registry URL, package, what it says
  echo '{"name": "agent", "version": "1.0.0", "private": true}' >package.json
  npm install --silent --no-audit --no-fund --no-update-notifier --registry "$1" "$2" >&2
  expect "$(node -p "require('$2')")" "$3"
  say "npm install" 2
}

psql_select() {  # connection string
  expect "$(psql -X -At "$1" -c 'select answer from answers where id = 42')" forty-two
  say "psql" 1
}

"$@"
