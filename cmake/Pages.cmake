# Web pages become bytes in the binary. npm builds a page once for all presets, into build/pages;
# embed_page.cmake turns it into one source file.

find_program(NPM npm)

# add_page(TARGET FOLDER FUNCTION NAMESPACE)
#   TARGET    a library that defines std::span<const http::Asset> NAMESPACE::FUNCTION()
#   FOLDER    below web/, with the page's index.html
function(add_page target folder function namespace)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc)
  set(dist ${CMAKE_SOURCE_DIR}/build/pages/${folder})
  if(WITH_PAGES)
    if(NOT NPM)
      message(FATAL_ERROR "npm is not installed: run 'make deps', or configure with -DWITH_PAGES=OFF")
    endif()
    # A page is its own folder and web/shared.
    file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS
      ${CMAKE_SOURCE_DIR}/web/${folder}/* ${CMAKE_SOURCE_DIR}/web/shared/*)
    set(modules ${CMAKE_SOURCE_DIR}/build/pages/modules.stamp)
    add_custom_command(
      OUTPUT ${modules}
      COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error
      COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_SOURCE_DIR}/build/pages
      COMMAND ${CMAKE_COMMAND} -E touch ${modules}
      DEPENDS ${CMAKE_SOURCE_DIR}/web/package-lock.json
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/web
      COMMENT "Installing what the pages are built with")
    add_custom_command(
      OUTPUT ${dist}/index.html
      COMMAND ${CMAKE_COMMAND} -E env PAGE=${folder}
              ${NPM} run --silent build -- --outDir ${dist} --emptyOutDir --logLevel warn
      DEPENDS ${modules} ${page_sources} ${CMAKE_SOURCE_DIR}/web/package.json
              ${CMAKE_SOURCE_DIR}/web/tsconfig.json ${CMAKE_SOURCE_DIR}/web/vite.config.ts
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/web
      COMMENT "Building the page ${folder}")
    set(depends ${dist}/index.html)
  endif()
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DDIST=${dist} -DWITH_PAGES=${WITH_PAGES} -DSOURCE=${source}
            -DFUNCTION=${function} -DNAMESPACE=${namespace} -P ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    DEPENDS ${depends} ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    COMMENT "Embedding the page ${folder}")
  add_library(${target} STATIC ${source})
  target_link_libraries(${target} PUBLIC http)
endfunction()
