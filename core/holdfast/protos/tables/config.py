"""What a session and a run are given."""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {
    "OptimizerOptions.Level": {"L1": 0, "L0": -1},
    "OptimizerOptions.GlobalJitLevel": {"DEFAULT": 0, "OFF": -1, "ON_1": 1, "ON_2": 2},
    "RunOptions.TraceLevel": {"NO_TRACE": 0, "SOFTWARE_TRACE": 1, "HARDWARE_TRACE": 2, "FULL_TRACE": 3},
    "RewriterConfig.Toggle": {"DEFAULT": 0, "ON": 1, "OFF": 2},
    "RewriterConfig.MemOptType": {"DEFAULT_MEM_OPT": 0, "NO_MEM_OPT": 1, "MANUAL": 2, "HEURISTICS": 3},
}

MESSAGES: dict[str, str] = {
    "ConfigProto": """
        1 device_count map<string,int32>
        2 intra_op_parallelism_threads int32
        5 inter_op_parallelism_threads int32
        9 use_per_session_threads bool
        12 session_inter_op_thread_pool ThreadPoolOptionProto*
        3 placement_period int32
        4 device_filters string*
        6 gpu_options GPUOptions
        7 allow_soft_placement bool
        8 log_device_placement bool
        10 graph_options GraphOptions
        11 operation_timeout_in_ms int64
        13 rpc_options RPCOptions
        14 cluster_def ClusterDef
    """,
    "GPUOptions": """
        1 per_process_gpu_memory_fraction double
        2 allocator_type string
        3 deferred_deletion_bytes int64
        4 allow_growth bool
        5 visible_device_list string
        6 polling_active_delay_usecs int32
        7 polling_inactive_delay_msecs int32
        8 force_gpu_compatible bool
    """,
    "OptimizerOptions": """
        1 do_common_subexpression_elimination bool
        2 do_constant_folding bool
        4 do_function_inlining bool
        3 opt_level OptimizerOptions.Level
        5 global_jit_level OptimizerOptions.GlobalJitLevel
    """,
    "GraphOptions": """
        2 enable_recv_scheduling bool
        3 optimizer_options OptimizerOptions
        4 build_cost_model int64
        9 build_cost_model_after int64
        5 infer_shapes bool
        6 place_pruned_graph bool
        7 enable_bfloat16_sendrecv bool
        8 timeline_step int32
        10 rewrite_options RewriterConfig
    """,
    "ThreadPoolOptionProto": """
        1 num_threads int32
        2 global_name string
    """,
    "RPCOptions": """
        1 use_rpc_for_inprocess_master bool
    """,
    "RunOptions": """
        1 trace_level RunOptions.TraceLevel
        2 timeout_in_ms int64
        3 inter_op_thread_pool int32
        5 output_partition_graphs bool
        6 debug_options DebugOptions
    """,
    "DebugOptions": """
        4 debug_tensor_watch_opts DebugTensorWatch*
        10 global_step int64
    """,
    "DebugTensorWatch": """
        1 node_name string
        2 output_slot int32
        3 debug_ops string*
        4 debug_urls string*
        5 tolerate_debug_op_creation_failures bool
    """,
    "RewriterConfig": """
        1 optimize_tensor_layout bool
        3 constant_folding RewriterConfig.Toggle
        7 arithmetic_optimization RewriterConfig.Toggle
        2 disable_model_pruning bool
        4 memory_optimization RewriterConfig.MemOptType
        6 memory_optimizer_target_node_name_prefix string
        5 auto_parallel AutoParallelOptions
        100 optimizers string*
    """,
    "AutoParallelOptions": """
        1 enable bool
        2 num_replicas int32
    """,
}
