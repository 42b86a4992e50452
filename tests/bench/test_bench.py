"""What the bench's figures rest on: reading /proc and wrk, and the statistics. Needs no tool and starts nothing."""

from __future__ import annotations

import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import arrivals
import chart
import load
import proc
import ratios
import readme
import report
import rounds
import scale
import watch
from catalogue import ALL
from findings import Finding
from plan import QUICK
from scenarios import SCENARIOS

OURS, OTHER = 100, 900


def process(pid: int, seconds: float, group: int = OURS, children: float = 0.0, name: str = "app", cpu: int = 0) -> proc.Process:
    return proc.Process(pid, name, 1, group, seconds, children, cpu)


def moment(at: float, busy: float, *running: proc.Process, stolen: float = 0.0) -> watch.Moment:
    own = proc.Process(watch.os.getpid(), "bench", 1, 1, 0.0, 0.0, 1)
    return watch.Moment(at, {0: proc.CpuTime(busy, stolen)}, {one.pid: one for one in (own, *running)})


def sample(requests_per_s: float, proxy_us: float, backend_us: float) -> ratios.Sample:
    return ratios.Sample(requests_per_s, proxy_us, backend_us, proxy_us + backend_us, 1, 2, 3, 0, 4, 5, {"0": 1.0})


class ReadingTheKernel(unittest.TestCase):
    def test_a_process_may_have_any_name(self):
        fields = "S 1 77 77 0 -1 0 0 0 0 0 150 50 20 30 20 0 1 0 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0"
        read = proc.parse_process(f"42 (a) b) ({') '}) {fields}")
        ticks = proc.TICKS_PER_S
        self.assertEqual((read.pid, read.name, read.parent, read.group, read.cpu), (42, "a) b) () ", 1, 77, 1))
        self.assertEqual((read.seconds, read.children_seconds), (200 / ticks, 50 / ticks))

    def test_processors_are_read_one_by_one_and_idle_time_is_not_busy(self):
        text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 50 25 999 7 3 2 40 0 0\ncpu1 0 0 0 5 0 0 0 0 0 0\nintr 1 2\n"
        ticks = proc.TICKS_PER_S
        self.assertEqual(proc.parse_cpus(text), {0: proc.CpuTime(180 / ticks, 40 / ticks), 1: proc.CpuTime(0, 0)})


class Disturbances(unittest.TestCase):
    def disturbance(self, begin: watch.Moment, end: watch.Moment) -> str | None:
        return watch.between(begin, end, {OURS}, {0}).disturbance()

    def test_a_run_alone_is_reported(self):
        span = watch.between(moment(0, 0, process(1, 5)), moment(10, 9, process(1, 14)), {OURS}, {0})
        self.assertIsNone(span.disturbance())
        self.assertEqual(span.groups, {OURS: 9})

    def test_a_child_that_ended_is_counted_once(self):
        begin = moment(0, 0, process(1, 1), process(2, 4))
        end = moment(10, 3, process(1, 2, children=6))
        self.assertEqual(watch.between(begin, end, {OURS}, {0}).groups, {OURS: 3})

    def test_a_stranger_is_named(self):
        end = moment(10, 1, process(1, 0), process(7, 1, OTHER, name="cargo"))
        self.assertIn("cargo (7) used 10%", self.disturbance(moment(0, 0, process(1, 0)), end))

    def test_a_stranger_elsewhere_does_not_matter(self):
        end = moment(10, 0, process(7, 5, OTHER, name="cargo", cpu=3))
        self.assertIsNone(self.disturbance(moment(0, 0), end))

    def test_strangers_that_did_not_stay_are_missed(self):
        self.assertIn("did not stay", self.disturbance(moment(0, 0, process(1, 0)), moment(10, 9, process(1, 5))))

    def test_time_of_another_machine_is_seen(self):
        self.assertIn("hypervisor", self.disturbance(moment(0, 0), moment(10, 0, stolen=3.0)))


class Figures(unittest.TestCase):
    def test_wrk_is_read_from_its_one_line(self):
        line = '{"requests":10,"seconds":2.0,"bytes":99,"p50_ms":0.5,"p99_ms":1.5,"p999_ms":2.5,"max_ms":3.0,"errors":1}'
        outcome = load.parse(f"Running 2s test\nBENCH {line}\n")
        self.assertEqual((outcome.requests, outcome.p999_ms, outcome.errors), (10, 2.5, 1))
        with self.assertRaisesRegex(load.LoadError, "unable to connect"):
            load.parse("", "unable to connect")

    def test_ratios_go_pair_by_pair(self):
        ours = [sample(200, 5, 5), sample(300, 6, 4), sample(100, 4, 6)]
        theirs = [sample(100, 10, 10), sample(100, 10, 10), sample(100, 10, 10)]
        compared = ratios.compare(ours, theirs)
        self.assertEqual(compared["requests_per_s"], ratios.Ratio(1, 2, 3))
        self.assertEqual(compared["proxy_us"], ratios.Ratio(0.4, 0.5, 0.6))

    def test_a_peer_without_a_proxy_has_no_ratio_of_proxies(self):
        self.assertNotIn("proxy_us", ratios.compare([sample(1, 5, 5)], [sample(1, 0, 5)]))

    def test_more_is_better_only_for_throughput(self):
        half = ratios.Ratio(0.5, 0.5, 0.5)
        self.assertFalse(ratios.is_reached("requests_per_s", half, 1.0))
        self.assertTrue(ratios.is_reached("total_us", half, 1.0))


class Arrivals(unittest.TestCase):
    def test_a_seed_gives_the_same_requests_again_at_the_rate_that_was_asked_for(self):
        visits = arrivals.poisson(7, 100, 60, ((0.95, 5), (0.05, 500)))
        self.assertEqual(visits, arrivals.poisson(7, 100, 60, ((0.95, 5), (0.05, 500))))
        self.assertNotEqual(visits, arrivals.poisson(8, 100, 60, ((0.95, 5), (0.05, 500))))
        self.assertAlmostEqual(len(visits) / 6000, 1, delta=0.05)
        self.assertAlmostEqual(sum(visit.ms == 500 for visit in visits) / len(visits), 0.05, delta=0.01)
        self.assertEqual(visits, sorted(visits, key=lambda visit: visit.due))

    def test_in_an_ideal_queue_nobody_waits_while_a_server_is_free(self):
        visits = [arrivals.Visit(0.0, 500), arrivals.Visit(0.1, 5), arrivals.Visit(0.101, 5)]
        for servers, expected in ((3, [500, 5, 5]), (2, [500, 5, 9]), (1, [500, 405, 409])):
            self.assertEqual([round(ms) for ms in arrivals.ideal(visits, servers)], expected)

    def test_what_was_not_answered_has_no_latency(self):
        self.assertEqual(arrivals.parse("1500\n-\n20\n"), [1.5, None, 0.02])

    def test_a_percentile_is_one_of_the_values(self):
        values = [float(value) for value in range(1, 101)]
        self.assertEqual([arrivals.percentile(values, percent) for percent in (1, 50, 99, 99.9)], [1, 50, 99, 100])
        self.assertEqual(arrivals.percentile([4.0], 99), 4.0)


class Findings(unittest.TestCase):
    def finding(self) -> Finding:
        finding = Finding("tail", "about", "conditions", ("stack", "ms"))
        for ours, theirs in ((1, 10), (3, 10), (2, 10)):
            finding.add("ours", ours)
            finding.add("theirs", theirs)
        return finding

    def test_a_ratio_is_the_median_of_the_pairs_and_has_its_goal(self):
        finding = self.finding()
        finding.judge("p99", "ours", "theirs", "≤", 0.2)
        finding.judge("more", "ours", "theirs", "≥", 0.3)
        self.assertEqual([verdict.figure for verdict in finding.verdicts], [0.2, 0.2])
        self.assertEqual([verdict.is_reached for verdict in finding.verdicts], [True, False])
        self.assertIn("| p99 | 0.20 | ≤ 0.20 | reached |", finding.markdown())
        self.assertIn("| more | 0.20 | ≥ 0.30 | **missed** |", finding.markdown())

    def test_a_refused_side_has_no_ratio(self):
        finding = self.finding()
        finding.refused["theirs"] = "disturbed"
        finding.judge("p99", "ours", "theirs", "≤", 0.2)
        self.assertEqual(finding.verdicts, [])
        self.assertIn("Not reported: theirs: disturbed.", finding.markdown())

    def test_growth_leaves_the_first_tenth_out(self):
        self.assertEqual(scale.growth([1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0]), 1.2)


class Reports(unittest.TestCase):
    def runs(self) -> rounds.Runs:
        scenario = next(one for one in SCENARIOS if one.name == "rack")
        runs = rounds.Runs(scenario, list(scenario.peers))
        for number, stack in enumerate([scenario.ours, *(peer.stack for peer in scenario.peers)]):
            runs.samples[stack.name] = [sample(1000 / (number + 1), 5 * (number + 1), 5) for _ in range(2)]
        return runs

    def test_a_refused_figure_is_nowhere(self):
        runs = self.runs()
        peer = runs.peers[0].stack.name
        runs.refused[peer] = "cargo used 10%"
        text = report.markdown([runs], QUICK, "a machine")
        self.assertNotIn(f"| {peer} |", text)
        self.assertIn(f"Not reported: {peer}: cargo used 10%.", text)
        self.assertNotIn(peer, report.values([runs], QUICK, "a machine")["scenarios"][0]["runs"])
        self.assertNotIn(peer, chart.svg([runs]))

    def test_the_chart_is_well_formed_and_has_a_bar_for_each_part(self):
        root = xml.fromstring(chart.svg([self.runs()]))
        bars = [one for one in root if one.tag.endswith("rect")]
        self.assertEqual(len(bars), 2 * (1 + len(self.runs().peers)) + 2)

    def test_the_readme_keeps_all_but_what_stands_between_the_marks(self):
        text = f"a\n{readme.BEGIN}old\n{readme.END}b\n"
        self.assertEqual(readme.replaced(text, "new\n"), f"a\n{readme.BEGIN}new\n{readme.END}b\n")

    def test_the_summary_has_ours_over_each_peer_and_every_goal_of_its_own(self):
        finding = Finding("tail", "about", "conditions", ("stack", "ms"))
        finding.add("ours", 1.0)
        finding.add("theirs", 10.0)
        finding.judge("p99", "ours", "theirs", "≤", 0.2)
        text = report.summary([self.runs(), finding], "a machine")
        self.assertIn("| Rack, 5 threads | nginx → puma | 0.67 × | 2.00 × | 1.00 × |", text)
        self.assertIn("| tail: p99 | 0.10 | ≤ 0.20 | reached |", text)

    def test_scenarios_can_be_told_apart(self):
        names = [one.name for one in ALL]
        self.assertEqual(len(names), len(set(names)))
        for scenario in SCENARIOS:
            stacks = [scenario.ours.name, *(peer.stack.name for peer in scenario.peers)]
            self.assertEqual(len(stacks), len(set(stacks)), scenario.name)
            self.assertTrue(any(peer.is_quick for peer in scenario.peers), scenario.name)
            self.assertEqual(len(scenario.reply), scenario.reply_bytes)


if __name__ == "__main__":
    unittest.main()
