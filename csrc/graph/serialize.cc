#include "graph/serialize.h"

#include <cstring>
#include <map>

namespace lmspt {

namespace {

constexpr char kMagic[8] = {'L', 'M', 'S', 'P', 'T', 'P', 'L', 'N'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMaxNodes = 1 << 20;
constexpr uint32_t kMaxName = 256;

class Writer {
 public:
  template <class T>
  void number(T value) {
    bytes(&value, sizeof value);
  }
  void bytes(const void* data, size_t size) { out_.append(static_cast<const char*>(data), size); }
  void text(const std::string& value) {
    if (value.size() > kMaxName) {
      throw Error(ErrorCode::invalid_argument, "Expected names of at most " + std::to_string(kMaxName) +
                                                   " bytes in a plan file, got one of " + std::to_string(value.size()) +
                                                   " (" + value.substr(0, 32) + "...); give it a shorter name");
    }
    number(static_cast<uint32_t>(value.size()));
    bytes(value.data(), value.size());
  }
  void tensor_type(const Tensor& tensor) {
    number(static_cast<uint8_t>(tensor.dtype));
    number(static_cast<uint8_t>(tensor.shape.rank));
    for (int i = 0; i < tensor.shape.rank; ++i) number(tensor.shape[i]);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class Reader {
 public:
  Reader(const void* data, int64_t size) : data_(static_cast<const char*>(data)), size_(size) {}

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, bytes(sizeof value), sizeof value);
    return value;
  }
  const char* bytes(int64_t count) {
    if (count < 0 || count > size_ - at_) {
      fail("expected " + std::to_string(count) + " more bytes, but the file has " + std::to_string(size_ - at_));
    }
    const char* start = data_ + at_;
    at_ += count;
    return start;
  }
  std::string text() {
    const uint32_t length = count(kMaxName, "characters of a name");
    return std::string(bytes(length), length);
  }
  uint32_t count(uint32_t most, const char* what) {
    const uint32_t value = number<uint32_t>();
    if (value > most) fail("expected at most " + std::to_string(most) + " " + what + ", got " + std::to_string(value));
    return value;
  }
  Tensor tensor_type() {
    Tensor tensor;
    const uint8_t dtype = number<uint8_t>(), rank = number<uint8_t>();
    if (dtype > 1) fail("expected the element type 0 or 1, got " + std::to_string(dtype));
    if (rank > kMaxRank) fail("expected at most 6 dimensions, got " + std::to_string(rank));
    tensor.dtype = static_cast<DType>(dtype);
    for (int i = 0; i < rank; ++i) tensor.shape.dims[tensor.shape.rank++] = number<int64_t>();
    if (!is_countable(tensor.shape)) fail("expected a shape of at most 2^40 elements, got " + to_string(tensor.shape));
    return tensor;
  }
  bool at_end() const { return at_ == size_; }
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::format, "Not a valid plan file: " + message + " (at byte " + std::to_string(at_) + ")");
  }

 private:
  const char* data_;
  int64_t size_;
  int64_t at_ = 0;
};

void write_attrs(Writer& out, const Attrs& attrs) {
  out.number(static_cast<uint32_t>(attrs.count));
  for (int i = 0; i < attrs.count; ++i) {
    const AttrValue& value = attrs.values[i];
    out.text(attrs.names[i]);
    out.number(static_cast<uint8_t>(value.kind));
    if (value.kind == AttrKind::integer) out.number(value.integer);
    if (value.kind == AttrKind::real) out.number(value.real);
    if (value.kind == AttrKind::list) {
      out.number(static_cast<uint32_t>(value.length));
      out.bytes(value.list, value.length * sizeof(int64_t));
    }
  }
}

AttrArgs read_attrs(Reader& in) {
  AttrArgs attrs;
  const uint32_t count = in.count(kMaxAttrs, "attributes");
  for (uint32_t i = 0; i < count; ++i) {
    const std::string name = in.text();
    const uint8_t kind = in.number<uint8_t>();
    AttrValue value;
    if (kind > 2) in.fail("expected an attribute of the kind 0, 1 or 2, got " + std::to_string(kind));
    value.kind = static_cast<AttrKind>(kind);
    if (value.kind == AttrKind::integer) value.integer = in.number<int64_t>();
    if (value.kind == AttrKind::real) value.real = in.number<double>();
    if (value.kind == AttrKind::list) {
      value.length = static_cast<int32_t>(in.count(kMaxRank * 2, "items of a list"));
      std::memcpy(value.list, in.bytes(value.length * 8), value.length * 8);
    }
    attrs.emplace_back(name, value);
  }
  return attrs;
}

void read_node(Reader& in, Graph& graph) {
  const auto kind = static_cast<NodeKind>(in.number<uint8_t>());
  if (kind == NodeKind::input) {
    const std::string name = in.text();
    const Tensor type = in.tensor_type();
    graph.input(name, type.dtype, type.shape);
  } else if (kind == NodeKind::variable || kind == NodeKind::constant) {
    const Tensor type = in.tensor_type();
    const int64_t size = type.shape.count() * kElementSize;
    const char* data = in.bytes(size);
    if (kind == NodeKind::constant) {
      graph.constant(type.dtype, type.shape, data);
      return;
    }
    Buffer buffer = Buffer::allocate(size);
    std::memcpy(buffer.data, data, size);
    graph.variable(std::make_shared<Variable>(type.dtype, type.shape, buffer, true));
  } else if (kind == NodeKind::op) {
    const std::string op = in.text();
    std::vector<ValueId> inputs(in.count(64, "inputs of an op"));
    for (ValueId& id : inputs) id = in.number<int32_t>();
    graph.apply(op, inputs, read_attrs(in));
  } else {
    in.fail("expected a node of the kind 0 to 3, got " + std::to_string(static_cast<int>(kind)));
  }
}

}  // namespace

std::string serialize_plan(const PlanFile& file) {
  const Program& program = file.program;
  Writer out;
  out.bytes(kMagic, sizeof kMagic);
  out.number(kVersion);
  std::map<ValueId, int32_t> number_of{{kNoValue, kNoValue}};
  const auto number = [&](ValueId id) { number_of.emplace(id, static_cast<int32_t>(number_of.size()) - 1); };
  std::vector<ValueId> sources;
  for (ValueId id = 0; id < static_cast<ValueId>(program.sources.size()); ++id) {
    if (program.sources[id].kind != NodeKind::op) sources.push_back(id);
  }
  out.number(static_cast<uint32_t>(sources.size() + program.steps.size()));
  for (ValueId id : sources) {
    const Program::Source& source = program.sources[id];
    const Tensor& type = program.values[id];
    out.number(static_cast<uint8_t>(source.kind));
    if (source.kind == NodeKind::input) out.text(source.name);
    out.tensor_type(type);
    if (source.kind == NodeKind::variable) out.bytes(source.variable->data(), source.variable->bytes());
    if (source.kind == NodeKind::constant) out.bytes(source.constant.data, type.shape.count() * kElementSize);
    number(id);
  }
  for (const Step& step : program.steps) {
    out.number(static_cast<uint8_t>(NodeKind::op));
    out.text(step.op->name);
    out.number(static_cast<uint32_t>(step.inputs.size()));
    for (ValueId id : step.inputs) out.number(number_of.at(id));
    write_attrs(out, step.attrs);
    for (ValueId id : step.outputs) number(id);
  }
  out.number(static_cast<uint32_t>(program.outputs.size()));
  for (const NamedValue& output : program.outputs) {
    out.text(output.name);
    out.number(number_of.at(output.value));
  }
  out.number(static_cast<uint32_t>(file.samples.size()));
  for (const PlanSample& sample : file.samples) {
    const auto known = number_of.find(sample.value);
    if (known == number_of.end()) {
      throw Error(ErrorCode::invalid_argument, "Expected samples of values that the outputs depend on");
    }
    out.number(known->second);
    out.number(sample.tolerance);
    out.bytes(sample.data.data(), sample.data.size() * kElementSize);
  }
  return out.take();
}

PlanFile parse_plan(const void* data, int64_t size) {
  Reader in(data, size);
  if (std::memcmp(in.bytes(sizeof kMagic), kMagic, sizeof kMagic) != 0) in.fail("expected it to begin with LMSPTPLN");
  const uint32_t version = in.number<uint32_t>();
  if (version != kVersion) in.fail("expected version 1, got " + std::to_string(version));
  Graph graph;
  const uint32_t nodes = in.count(kMaxNodes, "nodes");
  for (uint32_t i = 0; i < nodes; ++i) {
    try {
      read_node(in, graph);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::format || error.code() == ErrorCode::out_of_memory) throw;
      in.fail(error.what());
    }
  }
  const auto value = [&] {
    const int32_t id = in.number<int32_t>();
    if (id < 0 || id >= graph.value_count()) in.fail("expected the number of a value, got " + std::to_string(id));
    return id;
  };
  std::vector<NamedValue> outputs(in.count(kMaxNodes, "outputs"));
  for (NamedValue& output : outputs) {
    output.name = in.text();
    output.value = value();
  }
  PlanFile file;
  file.program = lower(graph, outputs);
  const uint32_t samples = in.count(kMaxNodes, "samples");
  for (uint32_t i = 0; i < samples; ++i) {
    PlanSample sample;
    sample.value = value();
    sample.tolerance = in.number<double>();
    const int64_t count = graph.value(sample.value).shape.count();
    const char* bytes = in.bytes(count * kElementSize);
    sample.data.resize(count);
    if (count > 0) std::memcpy(sample.data.data(), bytes, count * kElementSize);
    file.samples.push_back(std::move(sample));
  }
  if (!in.at_end()) in.fail("expected the end of the file");
  return file;
}

}  // namespace lmspt
