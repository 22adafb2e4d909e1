from pathlib import Path
import pytest, tempfile
from tests.runner.fed import FedBench
from tests.runner.kit import drive, small_scenario, record_of
S="""schema: 1
id: fed
title: supply
pump: {families: [22, 23]}
needs: [pump, balance, supply, meter]
sampling: {balance: 5 s, bolus: 2 s, supply: 10 s, meter: 5 s}
steps:
  - basal: {rate: 6.0 U/h, for: 2 min}
  - supply: {voltage: 1.2 V, for: 1 min}
  - supply: {interrupt: 200 ms}
  - supply: {off: for 30 s}
  - supply: {sweep: {from: 1.5 V, to: 1.0 V, over: 5 min}}
  - supply: {voltage: 0.8 V, for: 1 min}
"""
def test(tmp_path, monkeypatch):
    b=FedBench(tmp_path)
    f=drive(b,monkeypatch,small_scenario(S))
    print(f.ended)
    r=record_of(b)
    for e in r.events:
        if e.name not in('phase','supply_set','command'): print(round(e.at_ns/1e9,2),e.name,str(e.data)[:150])
    print(len(r.electrical), r.electrical[:3], r.electrical[-2:])
    print(b.supply.on,b.supply.volts)
