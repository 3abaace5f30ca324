{
  # Forwards to CMake, which holds the one list of sources. The output is never written, so the action always runs.
  "targets": [
    {
      "target_name": "lmspt",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake-js",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(PRODUCT_DIR)/always"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
