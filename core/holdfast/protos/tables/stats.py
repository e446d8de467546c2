"""What a run reports: times, memory, costs."""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {}

MESSAGES: dict[str, str] = {
    "RunMetadata": """
        1 step_stats StepStats
        2 cost_graph CostGraphDef
        3 partition_graphs GraphDef*
    """,
    "StepStats": """
        1 dev_stats DeviceStepStats*
    """,
    "DeviceStepStats": """
        1 device string
        2 node_stats NodeExecStats*
    """,
    "NodeExecStats": """
        1 node_name string
        2 all_start_micros int64
        3 op_start_rel_micros int64
        4 op_end_rel_micros int64
        5 all_end_rel_micros int64
        6 memory AllocatorMemoryUsed*
        7 output NodeOutput*
        8 timeline_label string
        9 scheduled_micros int64
        10 thread_id uint32
        11 referenced_tensor AllocationDescription*
        12 memory_stats MemoryStats
        13 all_start_nanos int64
        14 op_start_rel_nanos int64
        15 op_end_rel_nanos int64
        16 all_end_rel_nanos int64
        17 scheduled_nanos int64
    """,
    "NodeOutput": """
        1 slot int32
        3 tensor_description TensorDescription
    """,
    "MemoryStats": """
        1 host_temp_memory_size int64
        2 device_temp_memory_size int64
        3 host_persistent_memory_size int64
        4 device_persistent_memory_size int64
        5 host_persistent_tensor_alloc_ids int64*
        6 device_persistent_tensor_alloc_ids int64*
    """,
    "AllocatorMemoryUsed": """
        1 allocator_name string
        2 total_bytes int64
        3 peak_bytes int64
        4 live_bytes int64
        5 allocator_bytes_in_use int64
    """,
    "AllocationDescription": """
        1 requested_bytes int64
        2 allocated_bytes int64
        3 allocator_name string
        4 allocation_id int64
        5 has_single_reference bool
        6 ptr uint64
    """,
    "TensorDescription": """
        1 dtype DataType
        2 shape TensorShapeProto
        4 allocation_description AllocationDescription
    """,
    "CostGraphDef": """
        1 node CostGraphDef.Node*
    """,
    "CostGraphDef.Node": """
        1 name string
        2 device string
        3 id int32
        4 input_info CostGraphDef.Node.InputInfo*
        5 output_info CostGraphDef.Node.OutputInfo*
        6 temporary_memory_size int64
        10 host_temp_memory_size int64
        11 device_temp_memory_size int64
        12 host_persistent_memory_size int64
        16 device_persistent_memory_size int64
        9 compute_cost int64
        14 compute_time int64
        15 memory_time int64
        7 is_final bool
        8 control_input int32*
    """,
    "CostGraphDef.Node.InputInfo": """
        1 preceding_node int32
        2 preceding_port int32
    """,
    "CostGraphDef.Node.OutputInfo": """
        1 size int64
        2 alias_input_port int64
        3 shape TensorShapeProto
        4 dtype DataType
    """,
}
