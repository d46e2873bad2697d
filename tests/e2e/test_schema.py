"""sluice check --schema: what editors get, held against files by somebody else's validator."""

import json
import re
from pathlib import Path

import jsonschema
import yaml

from sluice_test import SluiceTestCase, main, run_cli

ROOT = Path(__file__).resolve().parents[2]


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2, as editors and the loader read it: `on` is a string."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
                            ("null", r"~|null|Null|NULL|", "~nN\0"),
                            ("int", r"[-+]?[0-9]+", "-+0123456789"),
                            ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?",
                             "-+.0123456789")):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}",
                                     re.compile(rf"^(?:{pattern})$"),
                                     [c if c != "\0" else "" for c in first])


def load(text):
    return yaml.load(text, CoreLoader)


def printed(of, *more):
    done = run_cli("check", "--schema", of, *more)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


class Schemas(SluiceTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.schemas = {of: json.loads(printed(of)) for of in ("policy", "config")}
        cls.validators = {of: jsonschema.Draft202012Validator(schema)
                          for of, schema in cls.schemas.items()}

    def faults(self, of, document):
        return [f"{list(error.absolute_path)}: {error.message}"
                for error in self.validators[of].iter_errors(document)]

    def complete(self, of):
        folder = {"policy": "policy/engine", "config": "proxy/runtime"}[of]
        return load((ROOT / folder / f"complete_{of}.yaml").read_text())

    def test_it_is_a_schema_and_the_same_each_time(self):
        for of, schema in self.schemas.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            self.assertEqual(schema["$id"], f"urn:sluice:schema:{of}:1")
            self.assertEqual(printed(of), printed(of, "--json"))

    def test_files_of_this_tree_fit(self):
        policies = [path for path in (ROOT / "starters/policies").glob("*.yaml")
                    if not path.name.endswith(".test.yaml")]
        self.assertGreater(len(policies), 4)
        for path in policies:
            self.assertEqual(self.faults("policy", load(path.read_text())), [], path)
        self.assertEqual(self.faults("config", load((ROOT / "starters/sluice.yaml").read_text())), [])
        tried = 0
        for path in (ROOT / "tests/vectors/policy").glob("*.yaml"):
            for table in load(path.read_text())["tables"]:
                if "policy" not in table:
                    continue
                tried += 1
                self.assertEqual(self.faults("policy", load(table["policy"])), [], path)
        self.assertGreater(tried, 30)
        for of in self.schemas:
            self.assertEqual(self.faults(of, self.complete(of)), [])

    def test_mistakes_are_found_at_every_place(self):
        """A map of a key that nobody knows is right nowhere; nor is a list of such maps."""
        wrong = {"zzz": {"zzz": {}}}
        for of in self.schemas:
            document, tried = self.complete(of), 0
            valid = self.validators[of].is_valid

            def visit(holder, place):
                nonlocal tried
                kept = holder[place]
                for mutant in (wrong, [wrong]):
                    tried += 1
                    holder[place] = mutant
                    self.assertFalse(valid(document), f"{of}: {place}: {mutant}")
                holder[place] = kept
                if isinstance(kept, dict):
                    kept["zzz"] = wrong
                    self.assertFalse(valid(document), f"{of}: {place}: an unknown key")
                    del kept["zzz"]
                    for key in list(kept):
                        visit(kept, key)
                elif isinstance(kept, list):
                    for index in range(len(kept)):
                        visit(kept, index)

            # Without what aliases share: a change is in one place.
            document = json.loads(json.dumps(document))
            for key in list(document):
                visit(document, key)
            self.assertGreater(tried, 150, of)
            self.assertEqual(self.faults(of, document), [])

    def test_what_editors_tell(self):
        policy = {"version": 1, "egress": [{"allow": {"hosts": ["a.example"]}}]}
        self.assertEqual(self.faults("policy", policy), [])
        mistakes = {
            "'version' is a required property": {"egress": []},
            "'enfroce' is not one of": {**policy, "egress": [{**policy["egress"][0], "mode": "enfroce"}]},
            "'hosts' is a required property": {**policy, "egress": [{"allow": {}}]},
            "Additional properties are not allowed": {**policy, "egres": []},
            "[] is too short": {**policy, "egress": [{"allow": {"hosts": []}}]},
        }
        for message, document in mistakes.items():
            self.assertTrue(any(message in fault for fault in self.faults("policy", document)),
                            f"{message}: {self.faults('policy', document)}")

    def test_what_is_refused_is_not_offered(self):
        rules = self.schemas["policy"]["properties"]["tcp"]["items"]["properties"]
        self.assertIn("limits", rules)
        self.assertIn("time", rules["allow"]["properties"])
        for key in ("sni", "methods", "paths"):
            self.assertNotIn(key, rules["allow"]["properties"])
        for key in ("tls", "restore", "credential", "inspect", "severity"):
            self.assertNotIn(key, rules)
        for key in ("approvals", "limits"):
            self.assertNotIn(key, self.schemas["policy"]["properties"])

    def test_another_document_is_a_usage_error(self):
        done = run_cli("check", "--schema", "evidence", "--json")
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage", done.stdout + done.stderr)


if __name__ == "__main__":
    main()
