"""Clusters, servers and devices."""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {}

MESSAGES: dict[str, str] = {
    "ClusterDef": """
        1 job JobDef*
    """,
    "JobDef": """
        1 name string
        2 tasks map<int32,string>
    """,
    "ServerDef": """
        1 cluster ClusterDef
        2 job_name string
        3 task_index int32
        4 default_session_config ConfigProto
        5 protocol string
    """,
    "DeviceAttributes": """
        1 name string
        2 device_type string
        4 memory_limit int64
        5 locality DeviceLocality
        6 incarnation fixed64
        7 physical_device_desc string
    """,
    "DeviceLocality": """
        1 bus_id int32
    """,
}
