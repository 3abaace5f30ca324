#include "cuda-emulation/symbols.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <vector>

namespace lmspt::emulation {

namespace {

struct Module {
  std::string path;
  uintptr_t base = 0;  // to subtract from addresses
  std::map<uintptr_t, std::string> functions;
  std::map<uintptr_t, std::string> objects;
};

std::string demangled(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  if (status != 0) return name;
  std::string result = text;
  std::free(text);
  // Without the parameters: the bracket that closes at the end.
  if (!result.empty() && result.back() == ')') {
    int depth = 0;
    for (size_t i = result.size(); i-- > 0;) {
      if (result[i] == ')') ++depth;
      if (result[i] == '(' && --depth == 0) return result.substr(0, i);
    }
  }
  return result;
}

Module read_module(const void* code) {
  Module module;
  Dl_info info{};
  link_map* map = nullptr;
  if (!dladdr1(code, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP)) return module;
  module.path = map->l_name[0] ? map->l_name : std::filesystem::read_symlink("/proc/self/exe").string();
  module.base = map->l_addr;
  std::ifstream file(module.path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < sizeof(Elf64_Ehdr)) return module;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(bytes.data());
  if (header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr) > bytes.size()) return module;
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(bytes.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(bytes.data() + sections[i].sh_offset);
    const char* names = bytes.data() + sections[sections[i].sh_link].sh_offset;
    for (size_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); ++s) {
      if (ELF64_ST_TYPE(symbols[s].st_info) == STT_FUNC && symbols[s].st_value != 0) {
        module.functions[symbols[s].st_value] = names + symbols[s].st_name;
      }
      if (ELF64_ST_TYPE(symbols[s].st_info) == STT_OBJECT && symbols[s].st_value != 0) {
        module.objects[symbols[s].st_value] = names + symbols[s].st_name;
      }
    }
  }
  return module;
}

const Module& module_of(const void* code) {
  static std::map<std::string, Module> modules;
  Dl_info info{};
  const std::string path = dladdr(code, &info) ? info.dli_fname : "";
  const auto found = modules.find(path);
  return found != modules.end() ? found->second : modules.emplace(path, read_module(code)).first->second;
}

template <class Chosen>
AddressRange range_of_segments(const void* inside, Chosen chosen) {
  struct Search {
    uintptr_t inside;
    Chosen* chosen;
    AddressRange found;
  } search{reinterpret_cast<uintptr_t>(inside), &chosen, {}};
  dl_iterate_phdr(
      [](dl_phdr_info* module, size_t, void* data) {
        auto& search = *static_cast<Search*>(data);
        bool here = false;
        uintptr_t first = UINTPTR_MAX, last = 0;
        for (int i = 0; i < module->dlpi_phnum; ++i) {
          const ElfW(Phdr) & segment = module->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          const uintptr_t start = module->dlpi_addr + segment.p_vaddr, end = start + segment.p_memsz;
          here |= search.inside >= start && search.inside < end;
          if (!(*search.chosen)(segment)) continue;
          first = std::min(first, start);
          last = std::max(last, end);
        }
        if (!here || last == 0) return 0;
        search.found = {first, last - first};
        return 1;
      },
      &search);
  return search.found;
}

}  // namespace

std::string function_name(const void* code) {
  const Module& module = module_of(code);
  auto next = module.functions.upper_bound(reinterpret_cast<uintptr_t>(code) - module.base);
  if (next == module.functions.begin()) return "a function without a name";
  return demangled(std::prev(next)->second);
}

std::string object_name(const void* address) {
  const Module& module = module_of(address);
  const uintptr_t place = reinterpret_cast<uintptr_t>(address) - module.base;
  auto next = module.objects.upper_bound(place);
  if (next == module.objects.begin()) return "an address without a name";
  --next;
  return std::to_string(place - next->first) + " bytes into " + demangled(next->second);
}

std::string source_place(const void* code) {
  const Module& module = module_of(code);
  // The call that returns to `code` lies before it.
  const uintptr_t address = reinterpret_cast<uintptr_t>(code) - module.base - 1;
  char command[4096];
  std::snprintf(command, sizeof command, "addr2line -s -e '%s' 0x%lx 2>/dev/null", module.path.c_str(),
                static_cast<unsigned long>(address));
  std::string line;
  if (std::FILE* pipe = popen(command, "r")) {
    char text[512];
    if (std::fgets(text, sizeof text, pipe)) line = text;
    pclose(pipe);
  }
  line = line.substr(0, line.find_first_of(" \n"));
  const bool known = !line.empty() && line[0] != '?';
  return function_name(code) + (known ? " (" + line + ")" : "");
}

AddressRange writable_data(const void* inside) {
  return range_of_segments(inside, [](const ElfW(Phdr) & segment) { return (segment.p_flags & PF_W) != 0; });
}

AddressRange whole_module(const void* inside) {
  return range_of_segments(inside, [](const ElfW(Phdr) &) { return true; });
}

}  // namespace lmspt::emulation
