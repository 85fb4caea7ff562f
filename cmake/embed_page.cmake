# Writes SOURCE, which defines NAMESPACE::FUNCTION(): the files below DIST as http::Asset, each
# also compressed. Without WITH_PAGES the span is empty.

set(types
  .html "text/html\; charset=utf-8" .js "text/javascript\; charset=utf-8" .css "text/css\; charset=utf-8"
  .svg "image/svg+xml" .json "application/json" .txt "text/plain\; charset=utf-8" .map "application/json"
  .png "image/png" .ico "image/x-icon" .woff2 "font/woff2")

set(bytes "")
set(entries "")
set(count 0)
if(WITH_PAGES)
  file(GLOB_RECURSE files LIST_DIRECTORIES false RELATIVE ${DIST} ${DIST}/*)
  list(FILTER files EXCLUDE REGEX "\\.gz$")
  foreach(file ${files})
    get_filename_component(extension ${file} LAST_EXT)
    list(FIND types ${extension} at)
    if(at EQUAL -1)
      message(FATAL_ERROR "embed_page.cmake: no media type is known for ${file}")
    endif()
    math(EXPR at "${at} + 1")
    list(GET types ${at} type)
    execute_process(COMMAND gzip -9nkf ${DIST}/${file} COMMAND_ERROR_IS_FATAL ANY)
    foreach(kind plain gzip)
      set(path ${DIST}/${file})
      if(kind STREQUAL gzip)
        set(path ${path}.gz)
      endif()
      string(APPEND bytes "__asm__(\".section .rodata\\n.global asset_${count}_${kind}\\nasset_${count}_${kind}:\\n.incbin \\\"${path}\\\"\\n"
                          ".global asset_${count}_${kind}_end\\nasset_${count}_${kind}_end:\\n.byte 0\\n.previous\");\n"
                          "extern \"C\" const char asset_${count}_${kind}[];\nextern \"C\" const char asset_${count}_${kind}_end[];\n")
    endforeach()
    string(APPEND entries "      {.path = \"/${file}\", .content_type = \"${type}\", .bytes = {asset_${count}_plain, asset_${count}_plain_end}, .gzip_bytes = {asset_${count}_gzip, asset_${count}_gzip_end}},\n")
    math(EXPR count "${count} + 1")
  endforeach()
endif()

file(WRITE ${SOURCE} "// Made by cmake/embed_page.cmake.
#include <array>
#include <span>

#include \"http/assets.h\"

${bytes}
namespace ${NAMESPACE} {

std::span<const http::Asset> ${FUNCTION}() {
  static const std::array<http::Asset, ${count}> assets = {{
${entries}  }};
  return assets;
}

}  // namespace ${NAMESPACE}
")
